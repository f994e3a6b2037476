// Package protocol is what both ends of the plugin line share: handshake, limits, client, server and the conversions
// between the contract's values and the messages of detector.proto. No message type leaves this package.
package protocol

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
)

//go:generate go run ./gen

// Limits of a message in bytes. A request holds one cut of a batch ([detectors.MaxBatchBytes]) or one event with all
// its views and siblings.
const (
	MaxRequestBytes  = 64 << 20
	MaxAnswerBytes   = 8 << 20
	MaxDescribeBytes = 1 << 20
)

// Version is the version of the protocol, changed only by what an older peer can't understand.
const Version = 1

// PluginName is the name under which the service is dispensed.
const PluginName = "detectors"

// Handshake tells a plugin from any other program; it is no secret.
func Handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{
		ProtocolVersion:  Version,
		MagicCookieKey:   "TASTER_PLUGIN",
		MagicCookieValue: "taster.detector.v1",
	}
}

// Plugin joins the service to go-plugin.
type Plugin struct {
	goplugin.NetRPCUnsupportedPlugin
	service *Server // nil on the host's end
}

var _ goplugin.GRPCPlugin = (*Plugin)(nil)

// PluginSet returns what go-plugin needs to serve (server set) or to dispense (server nil).
func PluginSet(server *Server) goplugin.PluginSet {
	return goplugin.PluginSet{PluginName: &Plugin{service: server}}
}

// GRPCServer registers the service.
func (p *Plugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	if p.service == nil {
		return errors.New("registering the detector service: no server")
	}
	detectorv1.RegisterDetectorServiceServer(s, p.service)
	return nil
}

// GRPCClient returns a [*Client].
func (p *Plugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// NewGRPCServer makes a gRPC server with the line's limits.
func NewGRPCServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(MaxRequestBytes), grpc.MaxSendMsgSize(MaxAnswerBytes))...)
}

// DialOptions returns the host's side of the limits.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithDefaultCallOptions(
		grpc.MaxCallSendMsgSize(MaxRequestBytes), grpc.MaxCallRecvMsgSize(MaxAnswerBytes))}
}
