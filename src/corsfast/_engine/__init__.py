"""Compile a policy and decide requests: the pure engine, and the native one in `cython/`."""
