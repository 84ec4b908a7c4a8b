# Every command first sets up what is missing, so that a clean clone needs nothing but make (and says so when it does).

.PHONY: run build watch test conformance lint bench peers soak fuzz

# The release build, on http://127.0.0.1:3000.
run: build
	@target/release/rivulet

build:
	@scripts/setup
	@scripts/build

# The debug build, built again and reloaded when a file changes.
watch:
	@scripts/setup watch
	@scripts/watch

# Cargo's tests, then the browser's against the release build.
test:
	@scripts/setup tests
	@scripts/test
	@scripts/build
	@scripts/end2end

# The vendors' own Python clients against the scriptable model API, so that it is right about their formats. And everything
# that the API's own document describes, asked of the release build.
conformance: build
	@scripts/conformance
	@scripts/schemathesis

lint:
	@scripts/setup
	@scripts/lint

# Measures the release build beside a bare relay: under ten minutes on a machine with nothing else to do.
bench: build
	@scripts/bench

# Measures it beside Open WebUI and LiteLLM's proxy (8 GB) and beside Sockudo, which are installed outside the checkout.
peers: build
	@scripts/peers

# Kills one of three nodes 100 times and moves 10,000 conversations to PostgreSQL; kills the release build 200 times, and its backups and updates, locks its database, lets thousands of viewers come back at once and a thousand stop
# reading and one guest ask for all it can get, then people come and go for ten minutes: make soak RIVULET_SOAK_KILLS=20 RIVULET_SOAK_STORM=0 SOAK_MINUTES=60
# Then the ecosystem's own commands in a clean clone (half an hour).
soak: build
	@scripts/soak
	@scripts/setup watch
	@scripts/ecosystem

# Random bytes for what reads bytes from outside, a minute for each target: make fuzz SECONDS=600
fuzz:
	@scripts/setup
	@scripts/fuzz
