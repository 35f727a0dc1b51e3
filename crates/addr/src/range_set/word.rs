use std::fmt;
use std::hash::Hash;

/// The numbers a [`RangeSet`](crate::RangeSet) can hold: `u32` and `u128`. Sealed.
pub trait Word: Copy + Ord + Hash + fmt::Debug + fmt::Display + sealed::Sealed + 'static {
    /// The lowest number.
    const MIN: Self;
    /// The highest number.
    const MAX: Self;

    /// The number after this one; `None` at [`MAX`](Self::MAX).
    #[must_use]
    fn next(self) -> Option<Self>;

    /// The number before this one; `None` at [`MIN`](Self::MIN).
    #[must_use]
    fn prev(self) -> Option<Self>;

    /// `self + by`; `None` when that is above [`MAX`](Self::MAX).
    #[must_use]
    fn offset(self, by: u128) -> Option<Self>;

    /// `self - lower`, for `lower <= self`: one less than the size of the range they span.
    #[must_use]
    fn distance(self, lower: Self) -> u128;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u128 {}
}

macro_rules! word {
    ($word:ty) => {
        impl Word for $word {
            const MIN: Self = <$word>::MIN;
            const MAX: Self = <$word>::MAX;

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn prev(self) -> Option<Self> {
                self.checked_sub(1)
            }

            fn offset(self, by: u128) -> Option<Self> {
                Self::try_from(by).ok().and_then(|by| self.checked_add(by))
            }

            #[allow(clippy::useless_conversion, reason = "one of the two words needs it")]
            fn distance(self, lower: Self) -> u128 {
                u128::from(self - lower)
            }
        }
    };
}

word!(u32);
word!(u128);
