package rpc

import (
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/models"
)

// A list of 64 tools of 1 KiB.
func BenchmarkEvents(b *testing.B) {
	tool := `{"name":"forecast","description":"` + strings.Repeat("Says how warm it will be. ", 38) + `"},`
	data := []byte(`{"jsonrpc":"2.0","id":1,"result":{"tools":[` + strings.Repeat(tool, 63) + strings.TrimSuffix(tool, ",") + `]}}`)
	f := models.Frame{ID: "f", Server: "s", Method: "tools/list", Data: data}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Events(f); err != nil {
			b.Fatal(err)
		}
	}
}
