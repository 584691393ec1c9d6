"""The only place that imports torch: devices, networks and learners.

Nothing here knows scikit-learn. Arrays come in, arrays go out.
"""
