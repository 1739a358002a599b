#!/bin/sh
# Answers one question for the health of the host's kubelet, on standard input and output.
while read -r line && [ "${#line}" -gt 1 ]; do :; done
printf 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'
