package config

import (
	"reflect"
	"strings"
	"testing"
)

// yamlFields lists the YAML names of all fields of v and of the structs in it.
func yamlFields(t *testing.T, v any) []string {
	t.Helper()
	var names []string
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ.PkgPath() != reflect.TypeFor[Config]().PkgPath() {
			return
		}
		for f := range typ.Fields() {
			if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag != "" {
				names = append(names, tag)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeOf(v))
	return names
}
