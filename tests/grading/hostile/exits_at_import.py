# expect: none crash
import os

os._exit(0)
