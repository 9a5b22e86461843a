//! A server that runs on a thread of its own for as long as its handle is held.
//!
//! Lets blocking tests and the demonstration use asynchronous servers without a runtime of their own.

use std::future::Future;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A running server; dropping it ends the server and waits until it has ended.
pub(crate) struct Served {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves on a new thread called `name`, with a runtime of its own.
    pub(crate) fn start(name: &str, serving: impl Future<Output = ()> + Send + 'static) -> Served {
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime needs only memory and a few descriptors");
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
        });
        Served { stop: Some(stop), thread: Some(thread.expect("a thread can be started")) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed by then; a drop must not add another.
            let _ = thread.join();
        }
    }
}
