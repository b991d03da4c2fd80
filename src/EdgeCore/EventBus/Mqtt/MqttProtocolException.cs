namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>The broker sent what MQTT does not allow, or refused; the connection cannot go on. The message says what.</summary>
internal sealed class MqttProtocolException(string message) : Exception(message);
