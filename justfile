# Lists all recipes.
list:
    @"{{just_executable()}}" --list --unsorted

# Runs everything that is checked; `just check lints tests` runs only these steps.
check *steps:
    tests/all {{steps}}

# Runs the tests that need Rust only.
test *arguments:
    cargo test --workspace {{arguments}}

# Formats all Rust code.
format:
    cargo fmt --all

# Lists places that break a rule of style or structure, everywhere or below paths.
tidy *paths:
    cargo run --quiet --package tidy -- {{paths}}

# Opens the sandbox in the browser: both services simulated.
sandbox *arguments:
    cargo run --package sandbox -- {{arguments}}

# Tells the sandbox's story in the terminal.
story:
    cargo run --package sandbox -- story

# Opens the documentation of all crates.
documentation:
    cargo doc --workspace --no-deps --open

# Measures start times and hot paths.
bench *arguments:
    infra/bench/run {{arguments}}

# Fuzzes each property of untrusted input; needs a nightly toolchain.
fuzz *arguments:
    infra/fuzz/run {{arguments}}

# Packages the functions for deployment.
package *arguments:
    infra/package {{arguments}}
