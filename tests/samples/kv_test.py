"""The kv sample."""
class KvTest(x):
