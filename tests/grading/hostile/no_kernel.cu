// expect: none error
int x;
