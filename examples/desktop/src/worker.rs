//! The thread that owns the device and the classifier. The window sends requests and receives events; neither waits for
//! the other.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use densenet_wgpu::{Error, Gpu};

use crate::engine::Engine;
use crate::messages::{Event, Job, Outbox, Refused, Request, Source, in_one_line};
use crate::stop::Stop;

/// The window's end of the channels. Dropping it stops the thread at its next step.
pub(crate) struct Worker {
    requests: Sender<Request>,
    pub(crate) events: Receiver<Event>,
    stop: Stop,
}

impl Worker {
    /// Starts the thread. It shares the device of the `window` if that is a GPU's, or always with `one_device`. `wake` is
    /// called after every event.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(crate) fn start(
        window: Option<Gpu>,
        one_device: bool,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<(Worker, JoinHandle<()>)> {
        let (requests, inbox) = channel();
        let (sender, events) = channel();
        let (outbox, stop) = (Outbox::new(sender, wake), Stop::default());
        let worker = Worker { requests, events, stop: stop.clone() };
        let thread = thread::Builder::new().name("network".into()).spawn(move || {
            yield_to_the_window();
            work(&inbox, &outbox, Engine::new(window, one_device, outbox.clone(), stop));
        })?;
        Ok((worker, thread))
    }

    /// Asks for weights, and stops a load that is under way. Whether the thread still listens.
    pub(crate) fn load(&self, source: Source) -> bool {
        self.requests.send(Request::Load(source, self.stop.next_load())).is_ok()
    }

    /// Asks for an answer. Whether the thread still listens.
    pub(crate) fn run(&self, job: Job) -> bool {
        self.requests.send(Request::Run(job)).is_ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.all();
    }
}

fn work(inbox: &Receiver<Request>, outbox: &Outbox, mut engine: Engine) {
    while let Ok(first) = inbox.recv() {
        // Only the last of each kind counts.
        let (mut load, mut run) = (None, None);
        let mut next = Ok(first);
        loop {
            match next {
                Ok(Request::Load(source, token)) => load = Some((source, token)),
                Ok(Request::Run(job)) => run = Some(job),
                Err(TryRecvError::Empty) => break,
                // The window is closed: nobody wants the rest.
                Err(TryRecvError::Disconnected) => return,
            }
            next = inbox.try_recv();
        }
        let refuse = |what, error: &Error| match error {
            // A newer request follows, or the window is closed.
            Error::Cancelled => {}
            error => outbox.send(Event::Refused { what, reason: in_one_line(error) }),
        };
        if let Some((source, token)) = load {
            match engine.load(&source, token) {
                Ok(network) => outbox.send(Event::Loaded(network)),
                Err(error) => refuse(Refused::Weights, &error),
            }
        }
        if let Some(job) = run {
            match engine.run(&job) {
                Ok(Some(answer)) => outbox.send(Event::Answer(Box::new(answer))),
                Ok(None) => {}
                Err(error) => refuse(Refused::Picture, &error),
            }
        }
    }
}

/// A software adapter keeps every core busy for seconds. Its threads inherit this thread's priority: frames go first.
fn yield_to_the_window() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        log::warn!("the network's thread keeps its priority: {error}");
    }
}
