//! Rests between the parts of long work, for programs that have one thread for everything.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::threads;

/// What is awaited during a rest.
pub type Rest = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Asked between any two parts of long work, some milliseconds each: a page in a browser answers and draws meanwhile. The default
/// never rests, and works on all threads.
///
/// Only async functions rest. Their blocking twins never do.
#[derive(Clone, Default)]
pub struct Pause(Option<Arc<dyn Fn() -> Rest + Send + Sync>>);

impl Pause {
    /// `rest` decides whether it is time for one: it is asked more often than a page needs to draw.
    pub fn new(rest: impl Fn() -> Rest + Send + Sync + 'static) -> Self {
        Pause(Some(Arc::new(rest)))
    }

    /// Between two parts.
    pub(crate) async fn rest(&self) {
        if let Some(rest) = &self.0 {
            rest().await;
        }
    }

    /// Whether it never rests.
    pub(crate) fn is_never(&self) -> bool {
        self.0.is_none()
    }

    /// What `work` makes of each item, in their order: on all threads, or with a rest before each.
    pub(crate) async fn each<T: Send, U: Send>(
        &self,
        items: impl IntoIterator<Item = T>,
        work: impl Fn(T) -> U + Send + Sync,
    ) -> Vec<U> {
        let items: Vec<T> = items.into_iter().collect();
        if self.is_never() {
            return threads::map(items, work);
        }
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            self.rest().await;
            made.push(work(item));
        }
        made
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_never() { "never" } else { "between parts" })
    }
}

/// The value of a future that waits for nothing but rests, without any.
///
/// # Panics
/// Where it waits for something else.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing rests here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts its rests, which are over at once.
    fn counting() -> (Pause, Arc<AtomicUsize>) {
        let rests = Arc::new(AtomicUsize::new(0));
        let count = rests.clone();
        let pause = Pause::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(()))
        });
        (pause, rests)
    }

    #[test]
    fn there_is_a_rest_before_each_item_and_the_order_stays() {
        let (pause, rests) = counting();
        let squares = |pause: &Pause| at_once(pause.each(vec![3, 1, 2], |n: usize| n * n));
        assert_eq!((squares(&pause), rests.load(Ordering::Relaxed)), (vec![9, 1, 4], 3));
        assert_eq!(squares(&Pause::default()), [9, 1, 4]);
    }

    #[cfg(feature = "safetensors")]
    #[test]
    fn a_file_read_with_rests_is_the_same() {
        use crate::weights::{OpenOptions, from_bytes, from_bytes_with, to_safetensors};
        let options = OpenOptions::default();
        let bytes = to_safetensors(&crate::weights::embedded().unwrap(), crate::Precision::F32).unwrap();
        let (pause, rests) = counting();
        let rested = at_once(from_bytes_with(&bytes, "x", &options, &pause)).unwrap();
        assert_eq!(rested.tensors(), from_bytes(&bytes, "x", &options).unwrap().tensors());
        assert!(rests.load(Ordering::Relaxed) >= rested.tensors().len());
    }
}
