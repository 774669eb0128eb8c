/* What cppcheck, which reads no system headers, cannot guess of theirs (make lint). */
#define json_array_foreach(array, index, value) \
	for ((index) = 0, (value) = json_array_get(array, 0); (value); (index)++)
#define json_object_foreach(object, key, value) \
	for ((key) = json_key(object), (value) = json_object_get(object, key); (value);)
#define json_object_foreach_safe(object, next, key, value)                              \
	for ((next) = (key) = json_key(object), (value) = json_object_get(object, key); \
	     (value);)
#define LIBBPF_OPTS(type, name, ...) struct type name
