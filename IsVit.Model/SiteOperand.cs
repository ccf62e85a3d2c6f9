namespace IsVit.Model;

/// <summary>Which operand of its module a site is.</summary>
public enum SiteOperand
{
    /// <summary>The input of a linear layer or a convolution.</summary>
    Input,

    /// <summary>The weight of a linear layer or a convolution.</summary>
    Weight,

    /// <summary>The first operand of a matrix-product module.</summary>
    Left,

    /// <summary>The second operand of a matrix-product module.</summary>
    Right,

    /// <summary>The output of a Softmax module that no matrix-product module reads.</summary>
    Output,
}
