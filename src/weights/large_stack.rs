//! A thread with a stack that is large enough for libraries that recurse.

/// hdf5-pure reads a datatype by recursion, and a hostile file nests 8,000 of them in one message of 64 kB: some 4 MB of
/// stack, more than a thread has by default. pytorch-reader walks and drops a thousand nested objects, too many for small
/// stacks. An overflow would end the process.
#[cfg(not(target_family = "wasm"))]
const STACK_BYTES: usize = 64 << 20;

/// Does the work on such a thread. A panic in a library becomes an error too.
#[cfg(not(target_family = "wasm"))]
pub(super) fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("weights".into()).stack_size(STACK_BYTES);
        let thread =
            thread.spawn_scoped(scope, work).map_err(|e| format!("no thread could be started to read it: {e}"))?;
        thread.join().unwrap_or_else(|_| Err("damaged: it cannot be read".into()))
    })
}

/// A browser has no threads to spare. There an overflow ends this call alone.
#[cfg(target_family = "wasm")]
pub(super) fn on_large_stack<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    work()
}
