//! Ctrl-C ends a run cleanly; a second one ends the program.

use sim::live::Stop;
use tokio::signal::ctrl_c;

/// Has Ctrl-C use this handle, from now on.
pub(crate) fn on_ctrl_c(stop: Stop) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
        runtime.block_on(async {
            if ctrl_c().await.is_err() {
                return;
            }
            stop.now();
            if ctrl_c().await.is_ok() {
                end_now();
            }
        });
    })?;
    Ok(())
}

/// Ends the program, as a shell expects of one that was interrupted.
#[expect(clippy::exit, reason = "the user has asked twice: nothing is waited for")]
fn end_now() {
    std::process::exit(130);
}
