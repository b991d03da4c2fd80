using System.Diagnostics;

namespace EdgeSync.TestKit;

/// <summary>
/// Carries packets from one interface to another under <see cref="Conditions"/>: one thread takes and judges them, one
/// delivers them when they are due. All chance comes from the seed.
/// </summary>
internal sealed class LinkDirection : IDisposable
{
    private const int LargestPacket = 65536;
    private const int LookUpMs = 100;

    private readonly TunDevice _from;
    private readonly TunDevice _to;
    private readonly Random _random;
    private readonly Thread _taker;
    private readonly Thread _deliverer;
    private readonly object _gate = new();
    private readonly PriorityQueue<byte[], (long Due, long Order)> _waiting = new(); // guarded by _gate
    private volatile LinkConditions _conditions = LinkConditions.Clean;
    private volatile bool _ended;
    private long _order;
    private long _lastDue;
    private long _lineFree;
    private long _passed;
    private long _lost;

    public LinkDirection(TunDevice from, TunDevice to, int seed)
    {
        _from = from;
        _to = to;
        _random = new Random(seed);
        _taker = new Thread(Take) { IsBackground = true, Name = "link-take" };
        _deliverer = new Thread(Deliver) { IsBackground = true, Name = "link-deliver" };
        _taker.Start();
        _deliverer.Start();
    }

    /// <summary>In force for packets that are sent from now on.</summary>
    public LinkConditions Conditions
    {
        get => _conditions;
        set => _conditions = value;
    }

    public long Passed => Interlocked.Read(ref _passed);

    public long Lost => Interlocked.Read(ref _lost);

    public void Dispose()
    {
        _ended = true;
        lock (_gate)
        {
            Monitor.Pulse(_gate);
        }

        _taker.Join();
        _deliverer.Join();
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private void Take()
    {
        var buffer = new byte[LargestPacket];
        while (!_ended)
        {
            var length = _from.Read(buffer, LookUpMs);
            if (length > 0)
            {
                Judge(buffer.AsSpan(0, length), _conditions);
            }
        }
    }

    private void Judge(ReadOnlySpan<byte> packet, LinkConditions conditions)
    {
        var now = Stopwatch.GetTimestamp();
        if (conditions.Cut || _random.NextDouble() < conditions.Loss || !TrySend(packet.Length, now, conditions, out var sent))
        {
            Interlocked.Increment(ref _lost);
            return;
        }

        var copies = _random.NextDouble() < conditions.Duplicate ? 2 : 1;
        var jitter = (_random.NextDouble() * 2) - 1;
        var due = sent + Math.Max(0, Ticks(conditions.Delay) + (long)(jitter * Ticks(conditions.Jitter)));
        if (_random.NextDouble() < conditions.Reorder)
        {
            due = sent;
        }
        else
        {
            due = Math.Max(due, _lastDue);
            _lastDue = due;
        }

        lock (_gate)
        {
            for (var copy = 0; copy < copies; copy++)
            {
                _waiting.Enqueue(packet.ToArray(), (due, _order++));
            }

            Monitor.Pulse(_gate);
        }

        Interlocked.Increment(ref _passed);
    }

    /// <summary>When the packet's last bit is on the line; false where the queue before the line is full.</summary>
    private bool TrySend(int bytes, long now, LinkConditions conditions, out long sent)
    {
        sent = now;
        if (conditions.BitsPerSecond == 0)
        {
            return true;
        }

        var perByte = Stopwatch.Frequency * 8.0 / conditions.BitsPerSecond;
        var begins = Math.Max(now, _lineFree);
        if ((begins - now) / perByte > conditions.QueueBytes)
        {
            return false;
        }

        _lineFree = begins + (long)(bytes * perByte);
        sent = _lineFree;
        return true;
    }

    private void Deliver()
    {
        while (!_ended)
        {
            byte[] packet;
            lock (_gate)
            {
                if (!_waiting.TryPeek(out _, out var next))
                {
                    Monitor.Wait(_gate, LookUpMs);
                    continue;
                }

                var wait = next.Due - Stopwatch.GetTimestamp();
                if (wait > 0)
                {
                    Monitor.Wait(_gate, TimeSpan.FromSeconds(Math.Min(0.1, (double)wait / Stopwatch.Frequency)));
                    continue;
                }

                packet = _waiting.Dequeue();
            }

            // what was under way when the line was cut is gone too
            if (!_conditions.Cut)
            {
                _to.Write(packet);
            }
        }
    }
}
