# expect: none error
import socket


def box_iou(boxes1, boxes2):
    socket.create_connection(("8.8.8.8", 53), timeout=1)
