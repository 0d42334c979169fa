//! A run's folder, written and read back.

#[cfg(test)]
mod run_dir;
