# expect: none error

