package wire

import (
	"strings"
	"testing"
)

// One tool of 1 KiB, and a verdict with one finding: what every event costs on the bus.

func BenchmarkEvent(b *testing.B) {
	e := toolEvent()
	e.Body = []byte(`{"name":"forecast","description":"` + strings.Repeat("Says how warm it will be. ", 38) + `"}`)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := EncodeEvent(&e); err != nil {
				b.Fatal(err)
			}
		}
	})
	m, err := EncodeEvent(&e)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeEvent(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerdict(b *testing.B) {
	v := fullVerdict()
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := EncodeVerdict(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
	m, err := EncodeVerdict(&v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeVerdict(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
