//! Ctrl-C or a request to terminate (SIGTERM) ends a run cleanly; a second one ends the program.

use std::io;

use sim::live::Stop;
use tokio::signal::ctrl_c;

use crate::view;

/// Has an interruption use this handle, from now on.
pub(crate) fn on_interrupt(stop: Stop) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut terminate = {
        let _guard = runtime.enter();
        Terminate::listen()?
    };
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        runtime.block_on(async {
            interrupted(&mut terminate).await;
            stop.now();
            interrupted(&mut terminate).await;
            end_now();
        });
    })?;
    Ok(())
}

/// Comes at the next interruption.
async fn interrupted(terminate: &mut Terminate) {
    tokio::select! {
        Ok(()) = ctrl_c() => {}
        () = terminate.told() => {}
    }
}

/// What service managers, containers and `kill` send.
#[cfg(unix)]
struct Terminate(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Terminate {
    fn listen() -> io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map(Self)
    }

    async fn told(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(not(unix))]
struct Terminate;

#[cfg(not(unix))]
impl Terminate {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn told(&mut self) {
        std::future::pending().await
    }
}

/// Ends the program, as a shell expects of one that was interrupted.
#[expect(clippy::exit, reason = "the user has asked twice: nothing is waited for")]
fn end_now() {
    view::give_back_now();
    std::process::exit(130);
}
