"""Side-by-side measurements: `make bench`, or `python -m benchmarks NAME…`. A file per subject, each with `main()`."""
