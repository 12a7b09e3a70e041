# Run `just` for this list.
_default:
    @just --list --unsorted

# Make the two sandboxes of the quickstart
quickstart:
    examples/quickstart/run

# Run the tests; arguments go to `cargo test`
test *arguments:
    tests/run {{ arguments }}

# Run all that has to pass before a change lands
check:
    .ci/run

# Format the sources and the examples
fmt:
    cargo fmt
    cargo run --quiet -- fmt -recursive examples

# Check licences and advisories of the dependencies (needs cargo-deny)
deny:
    cargo deny check

# Run the benchmarks
bench:
    cargo bench
