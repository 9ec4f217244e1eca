// The way back after a quorum is lost for good: by an operator's word, what one node holds becomes the history
// of a new ensemble, whose members are those in the node's file.
//
// The node logs `refound` (schema/txn.capnp) in an epoch of its own, applies all that its log holds, committed
// or not, and keeps that as a checkpoint: to itself and to whoever joins it all of it is committed. From there
// on elections, promises and quorums are what they always are, of the new members. The new ensemble has another
// id, by which nodes of the old one and those of the new one refuse each other: a lost node that comes back
// disturbs nothing, and must be given an empty data directory before it can join.
//
// Called before the actors start, on the thread that opened the directory.
#pragma once

#include <cstdint>
#include <string>

#include "actors/ensemble_config.hpp"
#include "store/data_dir.hpp"

namespace troupe {

/// Does nothing where the members have the vote already: the operator may leave the flag where it is.
/// `id`: 16 random bytes, of the new ensemble. Throws std::invalid_argument where there is nothing to found it on.
void force_new_ensemble(store::DataDir& data, const EnsembleConfig& members, std::int64_t time_ms,
                        const std::string& id);

}  // namespace troupe
