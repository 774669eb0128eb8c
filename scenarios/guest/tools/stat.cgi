#!/bin/sh
# This guest's own account of its processors' time: http://GUEST:8080/cgi-bin/stat
printf 'Content-Type: text/plain\r\n\r\n'
exec cat /proc/stat
