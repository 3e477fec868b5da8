//! A limit on what is read from a file. A hostile file names the same bytes any number of times. Whatever hdf5-pure does
//! with them, it reads them each time: a limit on reading limits time and memory too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hdf5_pure::FormatError;

/// How many bytes may still be read.
pub(super) struct Meter {
    left: AtomicU64,
    /// The length of the longest name in the heap that was read last.
    longest_name: AtomicU64,
}

impl Meter {
    pub(super) fn new(bytes: u64) -> Self {
        Meter { left: AtomicU64::new(bytes), longest_name: AtomicU64::new(0) }
    }

    /// Does work that may read at most `bytes`.
    pub(super) fn within<T>(&self, bytes: u64, work: impl FnOnce() -> T) -> T {
        let before = self.left.load(Ordering::Relaxed);
        let lent = before.min(bytes);
        self.left.store(lent, Ordering::Relaxed);
        let result = work();
        self.left.store(before - lent + self.left.load(Ordering::Relaxed), Ordering::Relaxed);
        result
    }

    fn spend(&self, bytes: u64) -> Result<(), FormatError> {
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        spent.map(drop).map_err(|_| FormatError::Source("its parts name each other over and over".into()))
    }
}

/// The bytes of a file, whose reading is metered.
pub(super) struct Metered {
    bytes: Vec<u8>,
    meter: Arc<Meter>,
    /// The head of a group's heap was read, and its names come next.
    names_next: AtomicBool,
}

impl Metered {
    pub(super) fn new(bytes: Vec<u8>, meter: Arc<Meter>) -> Self {
        Metered { bytes, meter, names_next: AtomicBool::new(false) }
    }

    /// Charges for what reading `buffer` leads to.
    fn consider(&self, buffer: &[u8]) -> Result<(), FormatError> {
        if self.names_next.swap(buffer.starts_with(b"HEAP"), Ordering::Relaxed) {
            let longest = buffer.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0);
            self.meter.longest_name.store(longest as u64, Ordering::Relaxed);
        }
        if buffer.starts_with(b"SNOD") {
            // Each entry copies its name out of the heap.
            let entries = buffer.get(6..8).map_or(0, |n| u64::from(u16::from_le_bytes([n[0], n[1]])));
            self.meter.spend(entries.saturating_mul(self.meter.longest_name.load(Ordering::Relaxed)))?;
        }
        if buffer.starts_with(b"SMTB") {
            // Only shared messages have no bound on their length. Nested datatypes are read by recursion: within the 64 kB
            // of any other message they fit the stack.
            return Err(FormatError::Source("it shares messages between objects, which is not read".into()));
        }
        Ok(())
    }
}

impl hdf5_pure::Source for Metered {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        // Even a read of nothing costs something, or a circle of them would not end.
        self.meter.spend(buffer.len() as u64 + 8)?;
        let from = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..)?.get(..buffer.len()));
        let from = from.ok_or(FormatError::UnexpectedEof {
            expected: (offset as usize).saturating_add(buffer.len()),
            available: self.bytes.len(),
        })?;
        self.consider(from)?;
        buffer.copy_from_slice(from);
        Ok(())
    }
}
