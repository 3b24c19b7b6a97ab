# expect: none timeout not_run
while True:
    pass
