package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

const (
	// catalogueCached is how many catalogues are known to be stored, and catalogueFresh for how long: then one is
	// stored again, since the bucket may have dropped it.
	catalogueCached = 4096
	catalogueFresh  = time.Hour
	// maxCatalogueBytes limits a catalogue once decompressed: a frame of [models.MaxFrameBytes] as base64, with room.
	maxCatalogueBytes = 16 << 20
)

// ErrNoCatalogue is returned for a catalogue that the tenant's bucket does not hold, or no longer.
var ErrNoCatalogue = errors.New("no such catalogue")

// Catalogues is the store of catalogues by digest, a bucket for each tenant. It is safe for concurrent use.
type Catalogues struct {
	js     jetstream.JetStream
	stored *lru.Cache[string, time.Time]
}

// NewCatalogues opens the store. Its Get is what the engine's settings ask for.
func NewCatalogues(js jetstream.JetStream) *Catalogues {
	stored, err := lru.New[string, time.Time](catalogueCached)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &Catalogues{js: js, stored: stored}
}

// Get returns the tenant's catalogue with the digest, or [ErrNoCatalogue].
func (c *Catalogues) Get(ctx context.Context, tenant, digest string) (*models.Catalogue, error) {
	bucket := wire.CatalogueBucket(tenant)
	s, err := c.js.Stream(ctx, bucketStream(bucket))
	if err != nil {
		return nil, fmt.Errorf("opening bucket %q: %w", bucket, err)
	}
	msg, err := s.GetLastMsgForSubject(ctx, bucketSubject(bucket, wire.CatalogueKey(digest)))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, fmt.Errorf("reading catalogue %q: %w", digest, ErrNoCatalogue)
	case err != nil:
		return nil, fmt.Errorf("reading catalogue %q: %w", digest, err)
	}
	return decodeCatalogue(msg.Data, digest)
}

// message is what stores a catalogue, or nil when it is known to be stored.
func (c *Catalogues) message(tenant string, catalogue *models.Catalogue) (*nats.Msg, error) {
	bucket := wire.CatalogueBucket(tenant)
	subject := bucketSubject(bucket, wire.CatalogueKey(catalogue.Digest))
	if at, ok := c.stored.Get(subject); ok && time.Since(at) < catalogueFresh {
		return nil, nil
	}
	data, err := encodeCatalogue(catalogue)
	if err != nil {
		return nil, err
	}
	return &nats.Msg{Subject: subject, Data: data}, nil
}

// remember notes that a message is stored.
func (c *Catalogues) remember(msg *nats.Msg) { c.stored.Add(msg.Subject, time.Now()) }

// catalogueEntry holds the body as base64: encoding/json would compact and escape a body that it is handed as JSON.
type catalogueEntry struct {
	Server string      `json:"server"`
	Kind   models.Kind `json:"kind"`
	Name   string      `json:"name"`
	Body   []byte      `json:"body_base64"`
}

func encodeCatalogue(c *models.Catalogue) ([]byte, error) {
	entries := make([]catalogueEntry, len(c.Entries))
	for i, e := range c.Entries {
		entries[i] = catalogueEntry{e.Server, e.Kind, e.Name, e.Body}
	}
	data, err := json.Marshal(entries)
	if err != nil {
		return nil, fmt.Errorf("writing catalogue: %w", err)
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compressing catalogue: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compressing catalogue: %w", err)
	}
	return buf.Bytes(), nil
}

func decodeCatalogue(data []byte, digest string) (*models.Catalogue, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading catalogue %q: %w", digest, err)
	}
	var entries []catalogueEntry
	if err := json.NewDecoder(io.LimitReader(r, maxCatalogueBytes)).Decode(&entries); err != nil {
		return nil, fmt.Errorf("reading catalogue %q: %w", digest, err)
	}
	objects := make([]models.CatalogueObject, len(entries))
	for i, e := range entries {
		objects[i] = models.CatalogueObject{Server: e.Server, Kind: e.Kind, Name: e.Name, Body: e.Body}
	}
	c := models.NewCatalogue(objects)
	if c.Digest != digest {
		return nil, fmt.Errorf("reading catalogue %q: stored under it is %q", digest, c.Digest)
	}
	return c, nil
}
