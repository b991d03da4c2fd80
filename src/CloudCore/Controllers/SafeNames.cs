using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Name suffixes in Kubernetes' alphabet: no vowels and no look-alikes, so that no words come out.</summary>
internal static class SafeNames
{
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>A suffix of that length that follows from <paramref name="seed"/>.</summary>
    public static string Suffix(ReadOnlySpan<byte> seed, int length)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(seed, hash);
        var number = BinaryPrimitives.ReadUInt64BigEndian(hash);
        var suffix = new char[length];
        for (var i = 0; i < length; i++)
        {
            (number, var digit) = Math.DivRem(number, (ulong)Alphabet.Length);
            suffix[i] = Alphabet[(int)digit];
        }

        return new string(suffix);
    }

    public static string Suffix(string seed, int length) => Suffix(Encoding.UTF8.GetBytes(seed), length);
}
