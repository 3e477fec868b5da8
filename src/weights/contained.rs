//! A stack that is large enough for what others read by recursion.

/// hdf5-pure reads a datatype by recursion, and a hostile file nests 8,000 of them in one message of 64 kB: some 4 MB of
/// stack, more than a thread has. pytorch-reader walks and drops a thousand nested objects, which is too much for small
/// stacks. Overflowing one would end the process.
#[cfg(not(target_family = "wasm"))]
const STACK_BYTES: usize = 64 << 20;

/// Runs on a thread with such a stack. A panic of a library would be an error too.
#[cfg(not(target_family = "wasm"))]
pub(super) fn contained<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("weights".into()).stack_size(STACK_BYTES);
        let thread =
            thread.spawn_scoped(scope, work).map_err(|e| format!("no thread could be started to read it: {e}"))?;
        thread.join().unwrap_or_else(|_| Err("damaged: it cannot be read".into()))
    })
}

/// A browser has no threads to spare; there overflowing the stack ends only this call.
#[cfg(target_family = "wasm")]
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    work()
}
