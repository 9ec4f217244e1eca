// The map of the system: every actor's interface, who sends each message and what comes back.
#pragma once

#include <caf/all.hpp>

#include "actors/messages.hpp"

namespace troupe {

/// Where a gateway's writes go: the leader's actor on the leader's node, elsewhere the learner's.
using UpstreamActor = caf::typed_actor<caf::reacts_to<Submit>,    // gateway, once a turn
                                       caf::reacts_to<Attach>,    // gateway; answers Attached
                                       caf::reacts_to<SyncRead>,  // gateway; answers Synced
                                       caf::reacts_to<Heard>>;    // gateway, each tick

/// The node serves clients, through `upstream`. Until the next NotServing.
struct Serving {
  UpstreamActor upstream;
};
/// The node has lost its leader: client connections are closed, so that their clients look elsewhere.
struct NotServing {};

/// A gateway: the sessions attached on one event loop, their reads, their watches.
using GatewayActor = caf::typed_actor<caf::reacts_to<Serving>,     // peer
                                      caf::reacts_to<NotServing>,  // peer
                                      caf::reacts_to<Attached>,    // upstream
                                      caf::reacts_to<Synced>,      // upstream
                                      caf::reacts_to<Refused>,     // upstream
                                      caf::reacts_to<Applied>,     // applier
                                      caf::reacts_to<Tick>>;       // the node's clock

/// Takes what comes in on a link: the leader for its learners, the learner for its leader.
using LinkUserActor = caf::typed_actor<caf::reacts_to<LinkUp>,        // network; on the connecting side alone
                                       caf::reacts_to<LinkReceived>,  // network
                                       caf::reacts_to<LinkDown>>;     // network; nothing comes after it

/// Puts into a link what a learner must get.
using LinkWriterActor = caf::typed_actor<caf::reacts_to<LinkDrained>>;  // network

/// Learns of what the log writer made durable.
using LogUserActor = caf::typed_actor<caf::reacts_to<Durable>,                // log writer
                                      caf::reacts_to<StoreAcceptedEpoch>,     // log writer: it is stored
                                      caf::reacts_to<StoreCurrentEpoch>,      // log writer: it is stored
                                      caf::reacts_to<SnapshotEntriesStored>,  // log writer
                                      caf::reacts_to<SnapshotStored>,         // log writer
                                      caf::reacts_to<SnapshotRejected>>;      // log writer

/// Learns of what the applier applied.
using AppliedUserActor = caf::typed_actor<caf::reacts_to<Applied>>;            // applier
using TreeReplacedUserActor = caf::typed_actor<caf::reacts_to<TreeReplaced>>;  // applier
using ViewUserActor = caf::typed_actor<caf::reacts_to<TreeView>>;              // applier
using HistoryUserActor =
    caf::typed_actor<caf::reacts_to<HistoryFacts>, caf::reacts_to<ConfigurationLogged>>;  // log writer
using CheckpointUserActor = caf::typed_actor<caf::reacts_to<CheckpointWritten>>;          // log writer

/// Brings the journal into the log's tables; see journal_flusher.hpp.
struct FlushJournal {};
using JournalFlusherActor = caf::typed_actor<caf::reacts_to<FlushJournal>>;  // log writer

/// Owns the log; see log_writer.hpp. All that waits for it goes to the disk in one flush.
struct FlushLog {};
using LogWriterActor =
    caf::typed_actor<caf::reacts_to<Append, LogUserActor>,              // leader, learner
                     caf::reacts_to<Truncate>,                          // learner
                     caf::reacts_to<StoreAcceptedEpoch, LogUserActor>,  // leader, learner
                     caf::reacts_to<StoreCurrentEpoch, LogUserActor>,   // leader, learner
                     caf::reacts_to<BeginSnapshot>,                     // learner
                     caf::reacts_to<SnapshotEntries, LogUserActor>,     // learner
                     caf::reacts_to<EndSnapshot, LogUserActor>,         // learner
                     caf::reacts_to<AskHistory, HistoryUserActor>,  // peer; the last to ask is told ConfigurationLogged
                     caf::reacts_to<CheckpointWritten, CheckpointUserActor>,  // archivist
                     caf::reacts_to<FlushLog>>;                               // itself: the end of a batch

/// Hears that what it asked for is done: the applier.
using FlushUserActor = caf::typed_actor<caf::reacts_to<StateFlushed>, caf::reacts_to<TreeExchanged>>;  // state flusher

/// Brings the tree to the disk; see state_flusher.hpp.
using StateFlusherActor = caf::typed_actor<caf::reacts_to<FlushState, FlushUserActor>,     // applier
                                           caf::reacts_to<ExchangeTree, FlushUserActor>>;  // applier

/// Owns the tree; see applier.hpp.
struct ApplyMore {};
using ApplierActor = caf::typed_actor<caf::reacts_to<Deliver>,                             // leader, learner
                                      caf::reacts_to<ReplaceTree, TreeReplacedUserActor>,  // learner
                                      caf::reacts_to<Subscribe, AppliedUserActor>,         // gateways' wiring, leader
                                      caf::reacts_to<Unsubscribe>,                         // leader
                                      caf::reacts_to<AskView, ViewUserActor>,              // sender
                                      caf::reacts_to<CompareDigest>,                       // learner
                                      caf::reacts_to<StateFlushed>,                        // state flusher
                                      caf::reacts_to<TreeExchanged>,                       // state flusher
                                      caf::reacts_to<Tick>,                                // the node's clock
                                      caf::reacts_to<ApplyMore>>;                          // itself

/// Writes checkpoints; see archivist.hpp.
using ArchivistActor = caf::typed_actor<caf::reacts_to<StateFlushed>,        // state flusher
                                        caf::reacts_to<CheckpointWritten>>;  // log writer

/// Hears who leads: the peer.
using ElectionUserActor = caf::typed_actor<caf::reacts_to<Elected>>;  // elector

/// Looks for a leader; see elector.hpp.
using ElectorActor = caf::typed_actor<caf::reacts_to<Look, ElectionUserActor>,  // peer; answers Elected
                                      caf::reacts_to<ConfigurationLogged>,      // peer
                                      caf::reacts_to<NotificationReceived>,     // network
                                      caf::reacts_to<Reachable>,                // network
                                      caf::reacts_to<Tick>>;                    // the node's clock

/// Supervises the roles; see peer.hpp.
using PeerActor = caf::typed_actor<caf::reacts_to<HistoryFacts>,         // log writer
                                   caf::reacts_to<ConfigurationLogged>,  // log writer
                                   caf::reacts_to<TreeView>,             // applier
                                   caf::reacts_to<Elected>,              // elector
                                   caf::reacts_to<LearnerConnected>,     // network
                                   caf::reacts_to<RoleActive>,           // leader, learner
                                   caf::reacts_to<RoleEnded>,            // leader, learner
                                   caf::reacts_to<NodeStatus>,           // leader, learner: what to show
                                   caf::reacts_to<Tick>,                 // the node's clock
                                   caf::reacts_to<Stop>>;                // the wiring

/// One learner's stream, first in first out; see sender.hpp.
using SenderActor = caf::typed_actor<caf::reacts_to<BeginStream>,       // leader
                                     caf::reacts_to<SendMessage>,       // leader
                                     caf::reacts_to<Stream>,            // leader
                                     caf::reacts_to<StreamCommit>,      // leader
                                     caf::reacts_to<StreamCommitWith>,  // leader
                                     caf::reacts_to<StreamAs>,          // leader
                                     caf::reacts_to<StreamDurable>,     // leader
                                     caf::reacts_to<LinkDrained>,       // network
                                     caf::reacts_to<TreeView>>;         // applier

/// Hears of expired sessions: the leader.
using ExpiryUserActor = caf::typed_actor<caf::reacts_to<SessionsExpired>>;  // session tracker

/// Session deadlines; see session_tracker.hpp.
using SessionTrackerActor = caf::typed_actor<caf::reacts_to<TrackSessions>,  // leader
                                             caf::reacts_to<Heard>,          // leader
                                             caf::reacts_to<Tick>>;          // leader

/// Hears how a role goes: the peer.
using RoleUserActor = caf::typed_actor<caf::reacts_to<RoleActive>,   // leader, learner
                                       caf::reacts_to<RoleEnded>,    // leader, learner
                                       caf::reacts_to<NodeStatus>>;  // leader, learner

/// The leader of an epoch; see leader_role.hpp.
using LeaderActor = caf::typed_actor<
    caf::reacts_to<Submit>, caf::reacts_to<Attach>, caf::reacts_to<SyncRead>, caf::reacts_to<Heard>,  // own gateways
    caf::reacts_to<LearnerConnected>,                                                                 // peer
    caf::reacts_to<LinkUp>, caf::reacts_to<LinkReceived>, caf::reacts_to<LinkDown>,                   // network
    caf::reacts_to<Durable>, caf::reacts_to<StoreAcceptedEpoch>, caf::reacts_to<StoreCurrentEpoch>,   // log writer
    caf::reacts_to<SnapshotEntriesStored>, caf::reacts_to<SnapshotStored>, caf::reacts_to<SnapshotRejected>,  // never
    caf::reacts_to<Applied>,                                                                                  // applier
    caf::reacts_to<SessionsExpired>,  // session tracker
    caf::reacts_to<Tick>>;            // peer

/// A follower or observer of one leader; see learner_role.hpp.
using LearnerActor = caf::typed_actor<
    caf::reacts_to<Submit>, caf::reacts_to<Attach>, caf::reacts_to<SyncRead>, caf::reacts_to<Heard>,  // own gateways
    caf::reacts_to<LinkUp>, caf::reacts_to<LinkReceived>, caf::reacts_to<LinkDown>,                   // network
    caf::reacts_to<Durable>, caf::reacts_to<StoreAcceptedEpoch>, caf::reacts_to<StoreCurrentEpoch>,   // log writer
    caf::reacts_to<SnapshotEntriesStored>, caf::reacts_to<SnapshotStored>,
    caf::reacts_to<SnapshotRejected>,                       // log writer
    caf::reacts_to<Applied>, caf::reacts_to<TreeReplaced>,  // applier
    caf::reacts_to<Tick>>;                                  // peer

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::FlushLog)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::FlushJournal)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ApplyMore)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Serving)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::NotServing)
