package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/models/wire"
)

const (
	// controlPing asks whether an engine is there that takes an operator's requests.
	controlPing = "$SRV.PING.taster-control"
	// controlDeadline is how long an engine may take to say that it is there. The bus does not answer those without the
	// rights at all.
	controlDeadline = 3 * time.Second
)

// Rescore has a running engine judge the tenant's live definitions in its current epoch and waits for the end, which can
// take minutes: give ctx a deadline that fits. New verdicts are published where something changed.
//
// Errors: [ErrNotServed], [ErrNotPermitted] without an operator's rights, [ErrOverloaded] if it is under way already.
func (c *Client) Rescore(ctx context.Context) (models.Rescored, error) {
	count, err := c.rescore(ctx)
	if err != nil {
		return models.Rescored{}, fmt.Errorf("rescoring: %w", err)
	}
	return count, nil
}

func (c *Client) rescore(ctx context.Context) (count models.Rescored, err error) {
	asking, cancel := context.WithTimeout(ctx, controlDeadline)
	defer cancel()
	_, err = c.nc.RequestWithContext(asking, controlPing, nil)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return count, ErrNotPermitted
	}
	var reply *nats.Msg
	if err == nil {
		ctx, cancel := bounded(ctx)
		defer cancel()
		reply, err = c.nc.RequestWithContext(ctx, wire.RescoreSubject(c.tenant), nil)
	}
	if errors.Is(err, nats.ErrNoResponders) {
		err = ErrNotServed
	}
	if err == nil {
		err = replyError(reply)
	}
	if err == nil {
		err = json.Unmarshal(reply.Data, &count)
	}
	return count, err
}
