//! The Lambda function; see [`trailwire::lambda`].

/// As in the command line, where it was measured: alerts take a tenth less time.
/// Without huge pages, which would double what an idle function holds.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    trailwire::lambda::run()
}
