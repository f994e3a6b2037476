package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The protocol revisions that the handshakes offer. A server may settle on an older one.
const (
	statelessRevision = "2026-07-28" // begins with server/discover
	sessionRevision   = "2025-11-25" // begins with initialize
)

// session is a JSON-RPC client that keeps what it receives as it is. It is used by one goroutine.
type session struct {
	conn mcp.Connection
	last int64
	// meta goes with every request of the stateless revision; nil before and with older ones.
	meta map[string]any
	// unasked is called with each request and notification that the server sends of its own accord.
	unasked func(*jsonrpc.Request) error
}

func clientMeta(version string) map[string]any {
	return map[string]any{
		mcp.MetaKeyProtocolVersion:    statelessRevision,
		mcp.MetaKeyClientInfo:         clientInfo(version),
		mcp.MetaKeyClientCapabilities: struct{}{},
	}
}

func clientInfo(version string) *mcp.Implementation {
	return &mcp.Implementation{Name: "taster", Version: version}
}

// call sends a request and returns the result that answers it, verbatim. An error of the server is a *jsonrpc.Error.
func (s *session) call(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	s.last++
	id, err := jsonrpc.MakeID(float64(s.last))
	if err != nil {
		return nil, fmt.Errorf("numbering %s: %w", method, err)
	}
	req, err := s.request(method, params)
	if err != nil {
		return nil, err
	}
	req.ID = id
	if err := s.conn.Write(ctx, req); err != nil {
		return nil, fmt.Errorf("sending %s: %w", method, err)
	}
	for {
		msg, err := s.conn.Read(ctx)
		if err != nil {
			return nil, fmt.Errorf("waiting for the answer to %s: %w", method, err)
		}
		switch msg := msg.(type) {
		case *jsonrpc.Response:
			if msg.ID != id {
				continue // the late answer to a call that was given up
			}
			if msg.Error != nil {
				return nil, fmt.Errorf("%s: %w", method, msg.Error)
			}
			return msg.Result, nil
		case *jsonrpc.Request:
			if err := s.refuse(ctx, msg); err != nil {
				return nil, err
			}
		}
	}
}

func (s *session) notify(ctx context.Context, method string) error {
	req, err := s.request(method, nil)
	if err != nil {
		return err
	}
	if err := s.conn.Write(ctx, req); err != nil {
		return fmt.Errorf("sending %s: %w", method, err)
	}
	return nil
}

func (s *session) request(method string, params map[string]any) (*jsonrpc.Request, error) {
	all := maps.Clone(params)
	if all == nil {
		all = map[string]any{}
	}
	if s.meta != nil {
		all["_meta"] = s.meta
	}
	data, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", method, err)
	}
	return &jsonrpc.Request{Method: method, Params: data}, nil
}

// refuse takes note of what the server sent of its own accord, answers a ping, and declines everything else.
func (s *session) refuse(ctx context.Context, req *jsonrpc.Request) error {
	if err := s.unasked(req); err != nil {
		return err
	}
	if !req.IsCall() {
		return nil
	}
	answer := &jsonrpc.Response{ID: req.ID, Result: json.RawMessage(`{}`)}
	if req.Method != "ping" {
		answer.Result, answer.Error = nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "not offered"}
	}
	if err := s.conn.Write(ctx, answer); err != nil {
		return fmt.Errorf("answering %q: %w", req.Method, err)
	}
	return nil
}

// refusal reports whether err is an answer, as against no answer.
func refusal(err error) bool {
	var e *jsonrpc.Error
	return errors.As(err, &e)
}

// notFound reports whether the server said that it does not know the method.
func notFound(err error) bool {
	var e *jsonrpc.Error
	return errors.As(err, &e) && e.Code == jsonrpc.CodeMethodNotFound
}

// responseFrame is the frame around a result. The result's bytes stay as they are, which encoding/json would not do.
func responseFrame(result json.RawMessage) []byte {
	return bytes.Join([][]byte{[]byte(`{"jsonrpc":"2.0","id":1,"result":`), result, []byte(`}`)}, nil)
}

// requestFrame is the frame of a request or notification, with its params' bytes as they are.
func requestFrame(req *jsonrpc.Request) ([]byte, error) {
	method, err := json.Marshal(req.Method)
	if err != nil {
		return nil, fmt.Errorf("encoding method: %w", err)
	}
	id := ""
	if req.IsCall() {
		id = `"id":1,`
	}
	params := []byte(`{}`)
	if len(req.Params) > 0 {
		params = req.Params
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0",%s"method":%s,"params":%s}`, id, method, params), nil
}
