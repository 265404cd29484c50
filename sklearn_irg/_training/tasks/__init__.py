"""Tasks by the kind of y: classes, numbers, two samples, clusters, or nothing.

Each is a frozen value that encodes, scores and decodes y.
"""
