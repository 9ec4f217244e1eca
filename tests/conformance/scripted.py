def sequences(slow):
    return ()
