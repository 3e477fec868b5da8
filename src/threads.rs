//! Work on all threads. Here alone rayon is named: in a browser there is one thread, and rayon would be a twentieth of the package.

#[cfg(not(target_family = "wasm"))]
use rayon::prelude::*;

/// What `work` makes of each item, in their order.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn map<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Send + Sync) -> Vec<U> {
    items.into_par_iter().map(work).collect()
}

/// What `work` makes of each item, in their order.
#[cfg(target_family = "wasm")]
pub(crate) fn map<T, U>(items: Vec<T>, work: impl Fn(T) -> U) -> Vec<U> {
    items.into_iter().map(work).collect()
}

/// Hands each chunk of `data` to `work`, with its number.
pub(crate) fn each_chunk<T: Send>(data: &mut [T], chunk: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    #[cfg(not(target_family = "wasm"))]
    data.par_chunks_mut(chunk).with_max_len(1).enumerate().for_each(|(index, chunk)| work(index, chunk));
    #[cfg(target_family = "wasm")]
    data.chunks_mut(chunk).enumerate().for_each(|(index, chunk)| work(index, chunk));
}

#[cfg(feature = "cpu")]
pub(crate) use pool::{Pool, index, start};

/// Threads of somebody's own.
#[cfg(all(feature = "cpu", not(target_family = "wasm")))]
mod pool {
    pub(crate) use rayon::ThreadPool as Pool;

    /// Starts them. The n-th is called `name` and n.
    pub(crate) fn start(threads: usize, name: &'static str) -> Result<Pool, String> {
        let name = move |index| format!("{name}-{index}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build();
        pool.map_err(|e| e.to_string())
    }

    /// Which of its pool's threads this is; the first, where it is none.
    pub(crate) fn index() -> usize {
        rayon::current_thread_index().unwrap_or(0)
    }
}

/// There are none.
#[cfg(all(feature = "cpu", target_family = "wasm"))]
mod pool {
    pub(crate) enum Pool {}

    impl Pool {
        pub(crate) fn current_num_threads(&self) -> usize {
            match *self {}
        }

        pub(crate) fn install<T>(&self, _: impl FnOnce() -> T) -> T {
            match *self {}
        }

        pub(crate) fn spawn(&self, _: impl FnOnce()) {
            match *self {}
        }
    }

    pub(crate) fn start(_: usize, _: &'static str) -> Result<Pool, String> {
        Err("there are no threads here".into())
    }

    pub(crate) fn index() -> usize {
        0
    }
}
