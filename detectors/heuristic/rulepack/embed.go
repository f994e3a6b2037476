package rulepack

import (
	"embed"
	"fmt"
	"sync"
)

//go:embed packs/*.yaml
var embedded embed.FS

// Embedded returns the packs that are compiled into the program, in the order of their file names, parsed once. They
// are shared: read them only.
var Embedded = sync.OnceValues(readEmbedded)

func readEmbedded() ([]*Pack, error) {
	files, err := embedded.ReadDir("packs")
	if err != nil {
		return nil, fmt.Errorf("listing the embedded rule packs: %w", err)
	}
	var packs []*Pack
	for _, f := range files {
		data, err := embedded.ReadFile("packs/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the embedded rule pack %s: %w", f.Name(), err)
		}
		p, err := Parse(data)
		if err != nil {
			return nil, fmt.Errorf("parsing the embedded rule pack %s: %w", f.Name(), err)
		}
		p.Shipped = true
		packs = append(packs, p)
	}
	return packs, nil
}
