"""What the engine and the downloads cost, measured against the sandbox. A benchmark measures, it never asserts."""
