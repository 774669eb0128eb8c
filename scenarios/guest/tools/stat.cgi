#!/bin/sh
# This guest's own account of its processors' time, of all of them: http://GUEST:8080/cgi-bin/stat
printf 'Content-Type: text/plain\r\n\r\n'
read -r line </proc/stat
echo "$line"
