// Precompiled: what nearly every actor's translation unit includes.
#pragma once
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/async-io.h>
#include <spdlog/spdlog.h>

#include <caf/all.hpp>
