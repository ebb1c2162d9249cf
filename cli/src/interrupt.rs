//! Ctrl-C: the first asks a command to stop where it can, the second ends the process at once.

use std::process;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::exit::Exit;

/// Whether Ctrl-C has been pressed.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// From now on the first Ctrl-C is only noted here.
    pub fn noted() -> std::io::Result<Interrupt> {
        let (raise, raised) = watch::channel(false);
        watch_signals(move || {
            let first = !raise.send_replace(true);
            if !first {
                process::exit(Exit::Interrupted as i32);
            }
        })?;
        Ok(Interrupt(raised))
    }

    /// The same, but the process ends by itself where it has not done so that long after the first: a write to a full pipe may be
    /// stuck.
    pub fn noted_for(patience: Duration) -> std::io::Result<Interrupt> {
        let interrupt = Interrupt::noted()?;
        let mut raised = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("ctrl-c-patience".into()).spawn(move || {
            runtime.block_on(async {
                raised.raised().await;
                tokio::time::sleep(patience).await;
            });
            process::exit(Exit::Interrupted as i32);
        })?;
        Ok(interrupt)
    }

    /// Whether it has been pressed.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it has been pressed.
    pub async fn raised(&mut self) {
        if self.0.wait_for(|raised| *raised).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// From now on Ctrl-C ends the process at once, with its exit code, even while a write to a full pipe is stuck.
pub fn ends_the_process() -> std::io::Result<()> {
    watch_signals(|| process::exit(Exit::Interrupted as i32))
}

/// Calls `on_signal` for every Ctrl-C. On a thread of its own, because a command's thread may be busy with blocking input or output.
fn watch_signals(mut on_signal: impl FnMut() + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _guard = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?
    };
    thread::Builder::new().name("ctrl-c".into()).spawn(move || {
        runtime.block_on(async {
            while signals.recv().await.is_some() {
                on_signal();
            }
        });
    })?;
    Ok(())
}
