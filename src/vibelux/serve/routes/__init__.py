"""The routes, one file a subject. Each knows who asks before it looks at anything else."""
