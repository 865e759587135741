"""Makes and enters the environments that runtimes.toml describes.

Standard library only: it runs before anything is there.
"""
