"""What the app costs, measured against what could do the same work; `python -m bench` writes docs/performance.md."""
