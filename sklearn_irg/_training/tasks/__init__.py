"""What y is: classes, numbers, two samples, clusters, or nothing; each a frozen value that encodes, scores and decodes it."""
