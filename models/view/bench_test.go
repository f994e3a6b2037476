package view

import (
	"strings"
	"testing"
)

// definition is a tool definition of ordinary size, in plain ASCII.
const definition = `{"name":"search_files","description":"Recursively search for files and directories matching a pattern. The patterns should be glob-style patterns that match paths relative to the working directory. Use a pattern like *.ext to match files in the current directory, and **/*.ext to match files in all subdirectories. Returns full paths to all matching items.","inputSchema":{"type":"object","properties":{"path":{"type":"string","description":"Where to start the search, an absolute path"},"pattern":{"type":"string","description":"What to look for"},"excludePatterns":{"type":"array","items":{"type":"string"},"default":[]},"maxResults":{"type":"integer","minimum":1,"maximum":10000}},"required":["path","pattern"],"additionalProperties":false}}`

func BenchmarkBuild(b *testing.B) {
	for _, bm := range []struct{ name, body string }{
		{"definition", definition},
		{"prose", `{"text":"` + strings.Repeat("The forecast for the city is mild, with some rain in the evening. ", 1000) + `"}`},
		{"cyrillic", `{"text":"` + strings.Repeat("Возвращает прогноз погоды для указанного города на ближайшие дни. ", 500) + `"}`},
		{"chinese", `{"text":"` + strings.Repeat("获取微博最新热搜榜单，返回包含排名、话题标题。", 800) + `"}`},
		{"lookalikes", strings.ReplaceAll(definition, "pattern", "pattеrn")},
		{"image", `{"type":"image","data":"iVBORw0KGgo` + strings.Repeat("AAAANSUhEUgAAB4", 4000) + `"}`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			body := []byte(bm.body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Build(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCanonicalDigest(b *testing.B) {
	b.SetBytes(int64(len(definition)))
	b.ReportAllocs()
	for b.Loop() {
		CanonicalDigest([]byte(definition))
	}
}
