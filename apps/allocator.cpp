// How jemalloc, with which the troupe command allocates its memory, is to do that.

/// Read by jemalloc when the process starts. Large buffers (of clients that take little, say) go back to the system at
/// once, but not so the batches under load, up to some hundred KiB, which are needed again the next moment: a page that
/// the system gives anew costs more than what is written to it. A dozen threads share a few arenas.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "oversize_threshold:2097152,narenas:4,dirty_decay_ms:1000";
}
