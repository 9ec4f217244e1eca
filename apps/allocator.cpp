// How jemalloc, with which the troupe command allocates its memory, is to do that.

/// Read by jemalloc when the process starts. Large buffers (of clients that take little, say) go back to the system at
/// once, and a dozen threads share a few arenas.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "oversize_threshold:262144,narenas:4,dirty_decay_ms:1000";
}
