"""The ways in which the servers are set up for a comparison, and what is run in each."""

from dataclasses import dataclass, field

import scripted
from scripts import (acls, connections, enforced_quotas, expiry, local_sessions, local_sessions_only, malformed, members,
                     multis, nodes, quotas, read_only, sasl, standalone, system, watches, words, x509)


SASL_USERS = {"bob": "bobsecret", "alice": "alicesecret"}
JAAS = "Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n" \
    + "".join(f'  user_{user}="{password}"\n' for user, password in SASL_USERS.items()) + "  ;\n};\n"


@dataclass(frozen=True)
class Setup:
    """Both sides get the settings in their configuration."""
    name: str
    what: str
    settings: tuple = ()
    properties: tuple = ()  # of the real one's Java machine, where it reads no setting
    files: dict = field(default_factory=dict)  # by name: what stands in each node's directory {home}
    nodes: int | None = None  # how many it needs, if that is not for --nodes to say
    areas: tuple = ()  # modules of scripts/
    slow_areas: tuple = ()  # with --slow alone
    standalone_areas: tuple = ()  # of one node: a member's answers hang on whether it leads
    ensemble_areas: tuple = ()
    generated: bool = True
    zxids_of_replies: bool = True  # whether those in the replies' headers are compared
    generator: dict = field(default_factory=dict)  # further arguments of the generator

    def sequences(self, slow, ensemble):
        """The hand-written sequences as (name, steps)."""
        fitting = self.ensemble_areas if ensemble else self.standalone_areas
        return scripted.sequences(self.areas + fitting + (self.slow_areas if slow else ()))


SETUPS = {one.name: one for one in (
    Setup("plain", "as the README says",
          areas=(nodes, acls, multis, watches, connections, malformed, quotas, system), slow_areas=(expiry,),
          standalone_areas=(standalone, words), ensemble_areas=(members,)),
    Setup("quotas", "enforceQuota=true: what exceeds a hard quota is refused", ("enforceQuota=true",),
          areas=(quotas, enforced_quotas), generator={"weights": {"_quota": 12.0}, "together": False}),
    Setup("sasl", "users log in by SASL's DIGEST-MD5",
          ("authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider", "java.security.auth.login.config={home}/jaas.conf"),
          ("-Djava.security.auth.login.config={home}/jaas.conf",), files={"jaas.conf": JAAS}, areas=(sasl,),
          generated=False),
    Setup("x509", "ACLs may name the subjects of certificates",
          ("authProvider.1=org.apache.zookeeper.server.auth.X509AuthenticationProvider",), areas=(x509,), generated=False),
    Setup("local-sessions", "localSessionsEnabled, and upgrading",
          ("localSessionsEnabled=true", "localSessionsUpgradingEnabled=true"), nodes=3, areas=(local_sessions,),
          generated=False, zxids_of_replies=False),
    Setup("local-sessions-only", "localSessionsEnabled without upgrading", ("localSessionsEnabled=true",), nodes=3,
          areas=(local_sessions_only,), generated=False, zxids_of_replies=False),
    Setup("read-only", "readonlymode.enabled=true: a node without a quorum answers reads", ("readonlymode.enabled=true", "localSessionsEnabled=true",
                     "localSessionsUpgradingEnabled=true"),
          ("-Dreadonlymode.enabled=true",), nodes=3, areas=(read_only,), generated=False, zxids_of_replies=False),
)}
